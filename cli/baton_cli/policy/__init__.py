"""`baton policy`: what marketing and sales have agreed, checked and put in force."""
