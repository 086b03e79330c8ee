SELECT COUNT(* FROM &{database}.gold.users;
