/** The statement that grants a new table to the roles that can use the existing ones, as they can use `intent`. */
export function grantLikeIntents(table: string): string {
  return `DO $$
  DECLARE given record;
  BEGIN
    FOR given IN
      SELECT grantee::regrole AS who, privilege_type AS what FROM pg_class, aclexplode(relacl)
      WHERE pg_class.oid = 'intent'::regclass AND grantee <> 0 AND grantee <> relowner
    LOOP
      EXECUTE format('GRANT %s ON ${table} TO %s', given.what, given.who);
    END LOOP;
  END $$`;
}
