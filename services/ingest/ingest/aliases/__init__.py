"""By which records, phones, calls and meetings leads are known."""
