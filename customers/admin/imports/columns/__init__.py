"""The page on which somebody says what the columns of a file mean: a column mapping, made by hand.

`starting` and `chosen` make a mapping, of what was kept or proposed and of what was chosen; `looking` reads
the file through it as far as it goes, `page` shows both, `views` lead from the upload to the preview. Values
of the file are shown and kept nowhere else.
"""
