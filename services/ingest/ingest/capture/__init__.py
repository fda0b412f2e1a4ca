"""From a submission to the event of a lead."""
