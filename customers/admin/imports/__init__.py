"""Import with preview: django-import-export leads from upload to confirmation, our pipeline does the rest.

What of it is ours, and why: the file waits in the database and not in a temporary folder (web and worker may
be two machines); a preview is a plan and calls no hook; the Resource stages one run for one file and never a
row; a confirmation is bound to who uploaded what and when; and what failed says so.
"""
