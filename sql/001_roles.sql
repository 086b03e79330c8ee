-- Who may do what. The owner, as whom this runs, owns every object (bootstrap.sql makes it). The loader reads the lake and writes
-- the monitors' results. The reader asks for figures and sees no personal data: neither raw nor curated rows.

CREATE ROLE IF NOT EXISTS &{database}_loader;
CREATE ROLE IF NOT EXISTS &{database}_reader;
GRANT ROLE &{database}_reader TO ROLE &{database}_loader;
GRANT ROLE &{database}_loader TO ROLE &{database}_owner;
