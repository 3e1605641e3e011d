using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace ControlPlane.Tests.Lambda;

/// <summary>The published program, with a process per function and stand-ins for Lambda, API Gateway and CloudFront.</summary>
[Collection(Aws.MigrateDatabaseTests.Logins)]
public sealed partial class BootstrapTests
{
    [OfficialPackagesFact]
    public async Task From_signup_to_invoice_over_HTTP_in_separate_processes()
    {
        await using var rig = await LambdaRig.StartAsync();
        rig.Settings["CONTROLPLANE_SANDBOX"] = "true";
        // There is no AWS to call.
        rig.Settings.Remove("CONTROLPLANE_PROVISION_QUEUE");
        var folder = await PublishAsync();
        await using var database = await LambdaProcess.StartAsync(folder, "database", rig.Settings);
        await using var api = await LambdaProcess.StartAsync(folder, "api", rig.Settings);
        await using var usage = await LambdaProcess.StartAsync(folder, "usage", rig.Settings);
        await using var jobs = await LambdaProcess.StartAsync(folder, "jobs", rig.Settings);
        await using var gateway = await ApiGateway.StartAsync(api, usage);
        using var browser = new HttpClient(new SocketsHttpHandler { CookieContainer = new CookieContainer() }) { BaseAddress = gateway.Address };

        Assert.Equal("succeeded", (await database.InvokeAsync("""{"job":"migrate"}""")).GetProperty("outcome").GetString());
        await rig.DropLoginsAsync();
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/readyz")).StatusCode);

        // Sign up, and confirm the address with the token in the mail.
        var slug = Names.Random("s");
        var (email, password) = ($"owner@{slug}.example", "correct horse battery staple");
        var signup = new { email, password, slug, organization = "O", plan = "basic", country = "DE", accept_terms = true };
        Assert.Equal(HttpStatusCode.Accepted, (await browser.PostAsJsonAsync("/v1/signup", signup)).StatusCode);
        Assert.Equal("succeeded", (await jobs.InvokeAsync("""{"job":"mail"}""")).GetProperty("outcome").GetString());
        var mail = Directory.GetFiles(Path.Combine(rig.DataFolder, "mail"), "*.eml").Select(ReceivedMail.Read).Single(mail => mail.To.Contains(email, StringComparison.Ordinal));
        var link = mail.Link("/v1/verify");
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync(link.PathAndQuery)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await browser.PostAsJsonAsync("/v1/verify", new { token = link.Query["?token=".Length..] })).StatusCode);

        // Sign in and create a key.
        await browser.SubmitAsync("/login", "/login", ("email", email), ("password", password));
        var page = await (await browser.SubmitAsync("/app/keys", "/app/keys", ("name", "reports"), ("scopes", "admin"))).Content.ReadAsStringAsync();
        using var tenant = new HttpClient { BaseAddress = gateway.Address };
        tenant.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", TenantKey().Match(page).Value);

        // Authorize a call and report usage.
        var authorized = await ReadAsync(tenant.PostAsJsonAsync("/v1/authorize", new { request_id = "r1", user = "ada", model = "mistral:7b-instruct", estimated_tokens = 100 }));
        Assert.Equal("environment_not_ready", authorized.GetProperty("reason").GetString());
        var sent = new { id = "e1", occurred_at = TimeProvider.System.GetUtcNow(), user = "ada", model = "mistral:7b-instruct", prompt_tokens = 700, completion_tokens = 300 };
        Assert.Equal(1, (await ReadAsync(tenant.PostAsJsonAsync("/v1/usage", sent))).GetProperty("accepted").GetInt32());
        Assert.Equal(1, (await ReadAsync(tenant.PostAsJsonAsync("/v1/usage", sent))).GetProperty("duplicates").GetInt32());
        using var large = new ByteArrayContent(new byte[7 * 1024 * 1024]);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await tenant.PostAsync("/v1/usage", large)).StatusCode);

        // A month and a half later.
        using var onCall = new HttpClient { BaseAddress = gateway.Address };
        onCall.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", LambdaRig.OperatorKey);
        await ReadAsync(onCall.PostAsJsonAsync("/v1/sandbox/clock", new { now = TimeProvider.System.GetUtcNow().AddDays(45) }));
        foreach (var job in (string[])["nightly", "billing", "alerts", "mail", "webhooks", "quarantine", "retention"])
        {
            Assert.Equal("succeeded", (await jobs.InvokeAsync($$"""{"job":"{{job}}"}""")).GetProperty("outcome").GetString());
        }

        var invoice = (await ReadAsync(tenant.GetAsync("/v1/invoices"))).GetProperty("items")[0];
        Assert.Equal(1_000, invoice.GetProperty("token_usage").GetInt64());
        Assert.Equal(9.90m, invoice.GetProperty("total_amount").GetDecimal());
        var pdf = await tenant.GetByteArrayAsync($"/v1/invoices/{invoice.GetProperty("number").GetString()}.pdf");
        Assert.Equal("%PDF-"u8, pdf.AsSpan(0, 5));

        // A failed job is a function error, and every log line is JSON that CloudWatch can search.
        await Assert.ThrowsAsync<FunctionErrorException>(() => jobs.InvokeAsync("""{"job":"daily"}"""));
        Assert.All(api.Log.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => JsonDocument.Parse(line));
    }

    [OfficialPackagesFact]
    public async Task A_process_starts_with_SnapStart_with_provisioned_concurrency_and_on_demand()
    {
        await using var rig = await LambdaRig.StartAsync();
        foreach (var start in (string[])["snap-start", "provisioned-concurrency", "on-demand"])
        {
            rig.Settings["AWS_LAMBDA_INITIALIZATION_TYPE"] = start;
            await using var api = await LambdaProcess.StartAsync(await PublishAsync(), "api", rig.Settings);
            var health = new HttpEventResponse(await api.InvokeAsync(new HttpEvent("GET", "/readyz").ToString()));
            Assert.Equal("ready", health.Json.GetProperty("status").GetString());
            Assert.Empty(api.Log);
        }
    }

    [OfficialPackagesFact]
    public async Task A_process_that_cannot_start_reports_the_reason()
    {
        await using var rig = await LambdaRig.StartAsync();
        rig.Settings.Remove("CONTROLPLANE_ORIGIN_TOKEN");
        await using var api = await LambdaProcess.StartAsync(await PublishAsync(), "api", rig.Settings);
        var failure = await Assert.ThrowsAsync<FunctionErrorException>(() => api.InvokeAsync(new HttpEvent("GET", "/healthz").ToString()));
        Assert.Contains("CONTROLPLANE_ORIGIN_TOKEN is not set", failure.Message, StringComparison.Ordinal);
    }

    static readonly Lazy<Task<string>> Published = new(async () =>
    {
        var folder = Directory.CreateTempSubdirectory("published-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        var project = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../../functions/Lambda"));
        // The build of these tests, for the machine that they run on.
        using var publish = Process.Start(
            new ProcessStartInfo("dotnet", ["publish", project, "--no-build", "--configuration", "Release", "-p:PublishReadyToRun=false", "--verbosity", "quiet", "--nologo", "--output", folder])
            { RedirectStandardOutput = true })!;
        var output = await publish.StandardOutput.ReadToEndAsync();
        await publish.WaitForExitAsync();
        return publish.ExitCode == 0 ? folder : throw new InvalidOperationException(output);
    });

    static Task<string> PublishAsync() => Published.Value;

    static async Task<JsonElement> ReadAsync(Task<HttpResponseMessage> sent)
    {
        using var response = await sent;
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    [GeneratedRegex("(?<=<code id=\"secret\">)cpt_[^<]+")]
    private static partial Regex TenantKey();
}
