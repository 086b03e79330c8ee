import java.sql.*;
import java.util.*;

/** What DBeaver asks pgjdbc for: tables and columns; then a prepared query, fetched in parts. */
public class Metadata {
    public static void main(String[] args) throws Exception {
        String url = "jdbc:postgresql://127.0.0.1:" + args[0] + "/lake?user=bi&password=" + args[1];
        try (Connection connection = DriverManager.getConnection(url)) {
            DatabaseMetaData data = connection.getMetaData();
            System.out.println("product " + data.getDatabaseProductVersion());
            try (ResultSet rows = data.getSchemas()) {
                while (rows.next()) System.out.println("schema " + rows.getString("TABLE_SCHEM"));
            }
            try (ResultSet rows = data.getTables(null, "public", "users_%", new String[] {"TABLE", "VIEW"})) {
                while (rows.next()) System.out.println("table " + rows.getString("TABLE_NAME") + " " + rows.getString("TABLE_TYPE"));
            }
            try (ResultSet rows = data.getColumns(null, "public", "users_transformed", "%")) {
                while (rows.next()) System.out.println("column " + rows.getString("COLUMN_NAME") + " " + rows.getString("TYPE_NAME") + " " + rows.getInt("DATA_TYPE"));
            }
            try (ResultSet rows = data.getPrimaryKeys(null, "public", "users_transformed")) {
                System.out.println("key " + rows.next());
            }
            try (ResultSet rows = data.getIndexInfo(null, "public", "users_transformed", false, false)) {
                System.out.println("index " + rows.next());
            }
            try (ResultSet rows = data.getTypeInfo()) {
                System.out.println("types " + rows.next());
            }
            connection.setAutoCommit(false);
            String sql = "select id, age_years, data_quality_score, processed_at, birth_date from users_transformed where data_quality_score > ? and processing_date = ? order by id";
            // From the fifth time on pgjdbc keeps the statement by name, and asks for binary values.
            for (int time = 0; time < 7; time++) {
                try (PreparedStatement query = connection.prepareStatement(sql)) {
                    query.setFetchSize(2);
                    query.setDouble(1, 1.0);
                    query.setDate(2, java.sql.Date.valueOf("2026-01-31"));
                    StringBuilder line = new StringBuilder("rows");
                    try (ResultSet rows = query.executeQuery()) {
                        while (rows.next()) line.append(' ').append(rows.getString(1)).append('/').append(rows.getInt(2)).append('/').append(rows.getDouble(3)).append('/').append(rows.getTimestamp(4).toInstant()).append('/').append(rows.getDate(5));
                    }
                    System.out.println(line);
                }
            }
            connection.rollback();
            try (Statement statement = connection.createStatement()) {
                statement.executeUpdate("delete from users_transformed");
            } catch (SQLException error) {
                System.out.println("refused " + error.getSQLState());
            }
        }
    }
}
