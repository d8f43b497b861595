import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.util.TimeZone;

/** Prints the one row of a query as sqlite-jdbc returns it, times and days by their own methods. */
public class ReadWithJdbc {
    public static void main(String[] arguments) throws Exception {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + arguments[0]);
                ResultSet row = connection.createStatement().executeQuery(arguments[1])) {
            row.next();
            ResultSetMetaData columns = row.getMetaData();
            for (int n = 1; n <= columns.getColumnCount(); n++) {
                // What clients do that choose a method by the declared type of a column.
                String type = columns.getColumnTypeName(n).toUpperCase();
                Object value;
                if (type.equals("DATE")) {
                    value = row.getDate(n);
                } else if (type.startsWith("DATETIME") || type.startsWith("TIMESTAMP")) {
                    value = row.getTimestamp(n);
                } else {
                    value = row.getString(n);
                }
                System.out.println(value);
            }
        }
    }
}
