"""Every event once, on the disk before it is acknowledged, and in order for everybody who wants it.

``database`` is the SQLite file, ``store`` numbers what goes into it, ``journal`` is their face for the event loop,
``feed`` one sink's way through it, and ``history`` reads it from beside. For a disk that does not play along there are
``unsaved``, ``positions``, ``wal`` and ``salvage``. Positions count all events of a journal, ``seq`` those of a camera.
"""
