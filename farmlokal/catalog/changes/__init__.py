"""The log of changes: noted by every write, numbered after the COMMIT, read by mirrors of the catalogue.

A number given by the writer would not do: of two transactions the one that began first, and has the lower number, may
commit last, and who has read the higher one by then never goes back for it. A time of writing has the same fault. So a
write only notes in an outbox which products it changed, in its own transaction. What is seen there is committed, and
then gets the next number, by one process at a time.
"""
