// A device that uploads with Apache Commons Net, as much Java equipment does.
//
//   java CommonsNet passive|epsv|active HOST PORT USER PASSWORD FILE NAME

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import org.apache.commons.net.PrintCommandListener;
import org.apache.commons.net.ftp.FTP;
import org.apache.commons.net.ftp.FTPClient;

public class CommonsNet {
    private static final int TIMEOUT = (int) Duration.ofSeconds(12).toMillis();

    public static void main(String[] arguments) throws IOException {
        String mode = arguments[0];
        FTPClient client = new FTPClient();
        client.addProtocolCommandListener(new PrintCommandListener(System.err, true));
        client.setConnectTimeout(TIMEOUT);
        client.setDefaultTimeout(TIMEOUT);
        client.setDataTimeout(Duration.ofMillis(TIMEOUT));
        client.connect(arguments[1], Integer.parseInt(arguments[2]));
        try (InputStream file = new FileInputStream(arguments[5])) {
            if (!client.login(arguments[3], arguments[4]) || !client.setFileType(FTP.BINARY_FILE_TYPE)) {
                throw new IOException(client.getReplyString());
            }
            if (mode.equals("active")) {
                client.enterLocalActiveMode();
            } else {
                // Over IPv4 it says PASV unless it is told otherwise.
                client.setUseEPSVwithIPv4(mode.equals("epsv"));
                client.enterLocalPassiveMode();
            }
            if (!client.storeFile(arguments[6], file)) {
                throw new IOException(client.getReplyString());
            }
            client.logout();
        } finally {
            client.disconnect();
        }
    }
}
