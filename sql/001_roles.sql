-- Who may do what. The owner, as whom this runs, owns every object (bootstrap.sql makes it). Each role may what the one before may.
--
-- The reader asks for figures: no row of a person's. The analyst also sees the views and tables of a row a person, which hold no name,
-- address, phone number or e-mail address, but an id, a place and an age: personal data all the same. The loader reads the lake's raw
-- and curated rows, with all that is in them, and writes the monitors' results.

CREATE ROLE IF NOT EXISTS &{database}_loader;
CREATE ROLE IF NOT EXISTS &{database}_analyst;
CREATE ROLE IF NOT EXISTS &{database}_reader;
GRANT ROLE &{database}_reader TO ROLE &{database}_analyst;
GRANT ROLE &{database}_analyst TO ROLE &{database}_loader;
GRANT ROLE &{database}_loader TO ROLE &{database}_owner;
