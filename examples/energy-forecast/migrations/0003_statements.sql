-- The statistics of statements, by which slow queries are found. The server loads the library at its start.
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
