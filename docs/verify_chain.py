#!/usr/bin/env python3
"""Recomputes the chain of a SQLite book with nothing but Python's standard library.

    docs/verify_chain.py DATABASE [TABLE...] [--anchor ankuan:COURT:BOOK:LINK:HASH]

Every link is hashed again, then every row of the named tables (default: all that the chain covers). The byte form
is described at the top of ledger/src/chain.rs. Ends with 1 at the first thing that differs.
"""
import hashlib, sqlite3, sys

def column(value):  # length (4 bytes, -1 for none), then 8 bytes of a number, UTF-8 of a text, or the bytes
    if value is None: return (-1).to_bytes(4, "big", signed=True)
    if isinstance(value, int): value = value.to_bytes(8, "big", signed=True)
    if isinstance(value, str): value = value.encode()
    return len(value).to_bytes(4, "big") + value

def columns(values): return b"".join(map(column, values))
def counted(values): return len(values).to_bytes(2, "big") + columns(values)
def sha256(*pieces): return hashlib.sha256(b"".join(pieces)).digest()
def wrong(what): sys.exit(f"WRONG: {what}")

arguments = sys.argv[1:]
anchors = [arguments.pop(i + 1) for i in [i for i, a in enumerate(arguments) if a == "--anchor"][::-1]]
path, *tables = [a for a in arguments if a != "--anchor"]
db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
heads, seen, rows = {}, set(), 0
for *link, stored in db.execute("SELECT * FROM chain_link ORDER BY court_id, book_id, link_no"):
    court, book, number, previous = link[0], link[1], link[2], link[7]
    before = heads.get((court, book), (0, bytes(32)))
    if (number - 1, previous) != before: wrong(f"link {number} of book {book} does not follow from the one before")
    parts = db.execute("SELECT table_name, first_id, last_id, row_count, digest FROM chain_part WHERE court_id = ? "
                       "AND book_id = ? AND link_no = ? ORDER BY table_name", (court, book, number)).fetchall()
    if sha256(b"ankuan-link-1", counted(link), *map(counted, parts)) != stored: wrong(f"link {number} of book {book}")
    heads[court, book] = (number, stored)
    seen.add(f"ankuan:{court}:{book}:{number}:{stored.hex()}")
    for table, first, last, count, digest in parts:
        if tables and table not in tables: continue
        key = [name for _, name, _, _, _, pk in db.execute(f"PRAGMA table_info({table})") if pk]  # court, book, id...
        running, found = sha256(b"ankuan-facts-1", table.encode()), 0
        for *row, mark in db.execute(f"SELECT * FROM {table} WHERE court_id = ? AND book_id = ? AND {key[2]} BETWEEN "
                                     f"? AND ? ORDER BY {', '.join(key[2:])}", (court, book, first, last)):
            running, found = sha256(running, columns(row)), found + 1
            if int.from_bytes(running[:8], "big", signed=True) != mark: wrong(f"{table} {row[2]}")
        if (found, running) != (count, digest): wrong(f"{table} {first}-{last}: rows missing or too many")
        rows += found
for anchor in anchors: anchor in seen or wrong(f"{anchor} is not a link of this chain")
for (court, book), (number, link_hash) in heads.items(): print(f"ankuan:{court}:{book}:{number}:{link_hash.hex()}")
print(f"{len(seen)} links and {rows} rows of facts are as the chain says")
