ALTER TABLE phones DROP COLUMN previous;
