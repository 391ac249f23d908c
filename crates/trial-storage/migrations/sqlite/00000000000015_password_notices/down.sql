DELETE FROM mails WHERE kind = 'password_changed';
