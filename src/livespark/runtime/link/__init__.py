"""The worker's link to the server: two daemon threads that do I/O and never touch the script's objects.

`link.Link` puts the parts together. What the script has to say goes into a spool file (`outgoing`), from there to the
server (`sender`), which acknowledges it; commands come back on a stream (`receiver`). Both threads connect for
themselves (`connection`), and again for ever: training never depends on the server. `pipes` holds on to the script's
output.
"""

__all__ = ()
