import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Apply ORIGIN PHONE [CODE COMPANY EMAIL]: has a code sent, or applies. */
public final class Apply {
    private static final String BASE = "/apiaccess/rest/ipccprovision/v1/applyTry/";
    private static final Pattern CODE = Pattern.compile("\"returnCode\":\"(\\d{3})\"");

    /** Values without quotes, backslashes and control characters; elsewhere, let a library write the JSON. */
    private static String json(String... pairs) {
        StringBuilder text = new StringBuilder("{");
        for (int i = 0; i < pairs.length; i += 2) {
            text.append(i == 0 ? "" : ",").append('"').append(pairs[i]).append("\":\"").append(pairs[i + 1]).append('"');
        }
        return text.append('}').toString();
    }

    public static void main(String[] args) throws Exception {
        boolean applies = args.length > 2;
        String path = applies ? "applyTenant" : "generateverifycode";
        String body = applies
            ? json("phone", args[1], "phoneVerifyCode", args[2], "companyName", args[3], "email", args[4])
            : json("phone", args[1]);
        HttpRequest request = HttpRequest.newBuilder(URI.create(args[0] + BASE + path))
            .timeout(Duration.ofSeconds(20))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
        HttpResponse<String> answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        Matcher code = CODE.matcher(answer.body());
        if (answer.statusCode() != 200 || !code.find()) {
            // A problem of RFC 9457: `errors` names each field and what to give.
            throw new IllegalStateException(answer.statusCode() + " " + answer.body());
        }
        System.out.println(code.group(1) + " " + answer.headers().firstValue("Retry-After").orElse(""));
    }
}
