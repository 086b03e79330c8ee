SELECT 'it never ends FROM t;
