using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace ControlPlane.Tests.Support;

/// <summary>The whole application in this process, with its own database and a real port.</summary>
public sealed class TestServer : IAsyncDisposable
{
    readonly WebApplication _app;
    readonly Installation _installation;
    readonly string _key;
    readonly bool _keepDatabase;

    TestServer(WebApplication app, Installation installation, string key, bool keepDatabase)
    {
        (_app, _installation, _key, _keepDatabase) = (app, installation, key, keepDatabase);
        Address = new Uri($"http://localhost:{installation.Options.Port}");
        Anonymous = NewClient(key: null);
        Operator = NewClient(key);
    }

    public Uri Address { get; }

    /// <summary>Sends no key and no cookies, and does not follow redirects.</summary>
    public HttpClient Anonymous { get; }
    public HttpClient Operator { get; }
    public string OperatorKey => _key;
    public string DataFolder => _installation.Data.Path;
    public string ConnectionString => _installation.ConnectionString;
    public IServiceProvider Services => _app.Services;
    public ControlDatabase Database => Services.GetRequiredService<ControlDatabase>();
    public Clock Clock => Services.GetRequiredService<Clock>();

    /// <param name="clock">Initial time of the sandbox clock; null: real time.</param>
    /// <param name="settings">In addition to those of <c>./run</c>, or instead of them, by environment variable name.</param>
    /// <param name="keepDatabase">Whether the caller drops the database, after several servers used it.</param>
    public static async Task<TestServer> StartAsync(
        bool sandbox = true, DateTimeOffset? clock = null, IEnumerable<KeyValuePair<string, string?>>? settings = null, string? database = null,
        bool keepDatabase = false)
    {
        var connectionString = database ?? await TestCluster.NewDatabaseAsync();
        var key = Credentials.New(Credentials.OperatorKeyPrefix);
        settings = [new("CONTROLPLANE_OPERATOR_KEY", key), .. settings ?? []];
        var folder = Directory.CreateTempSubdirectory("controlplane-test-").FullName;
        for (var attempt = 1; ; attempt++)
        {
            // Links in emails need the port before the server binds it, so another process may take it first.
            var options = new RunOptions(FreePort.Find(), folder, sandbox, connectionString, clock);
            var installation = await Installation.OpenAsync(options, join: false, CancellationToken.None);
            var app = LocalHost.Build(installation.Settings().ExceptBy(settings.Select(own => own.Key), common => common.Key).Concat(settings), options.Port);
            try
            {
                await Serve.StartAsync(app, installation, CancellationToken.None);
                return new TestServer(app, installation, key, keepDatabase);
            }
            catch (IOException) when (attempt < 5)
            {
                await app.DisposeAsync();
                await installation.DisposeAsync();
            }
        }
    }

    /// <param name="key">Sent as Bearer; null: none.</param>
    public HttpClient NewClient(string? key)
    {
        var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Address };
        client.DefaultRequestHeaders.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    /// <summary>A browser-like client: keeps cookies and follows redirects.</summary>
    public HttpClient NewVisitor() => new(new SocketsHttpHandler { CookieContainer = new CookieContainer() }) { BaseAddress = Address };

    /// <summary>A tenant created by an operator: verified, with a key.</summary>
    public async Task<TestTenant> CreateTenantAsync(string plan = "basic", string country = "DE")
    {
        var slug = Names.Random("t");
        var reply = await Operator.PostAsJsonAsync(
            "/v1/admin/tenants", new { organization = $"Organization {slug}", slug, plan, email = $"owner@{slug}.example", country });
        var created = await reply.ReadAsync();
        var key = created.GetProperty("api_key").GetString()!;
        return new TestTenant(created.GetProperty("tenant_id").GetGuid(), slug, key, created.GetProperty("webhook_secret").GetString()!, NewClient(key));
    }

    /// <summary>Advances the sandbox clock and runs the jobs that come due in between.</summary>
    public async Task<JsonElement> MoveClockAsync(DateTimeOffset now) => await (await Operator.PostAsJsonAsync("/v1/sandbox/clock", new { now })).ReadAsync();

    /// <summary>Runs a job now, after a run that may be in progress.</summary>
    public async Task<JsonElement> RunJobAsync(string job)
    {
        while (true)
        {
            var reply = await Operator.PostAsync($"/v1/admin/jobs/{job}/run", content: null);
            if (reply.StatusCode != HttpStatusCode.Conflict)
            {
                return await reply.ReadAsync();
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20));
        }
    }

    /// <summary>All emails sent so far, oldest first; sends queued ones first.</summary>
    public async Task<IReadOnlyList<ReceivedMail>> MailsAsync()
    {
        await RunJobAsync("alerts");
        await RunJobAsync("mail");
        var folder = _installation.Data.Mail;
        return Directory.Exists(folder) ? [.. Directory.GetFiles(folder, "*.eml").Order(StringComparer.Ordinal).Select(ReceivedMail.Read)] : [];
    }

    public async ValueTask DisposeAsync()
    {
        Anonymous.Dispose();
        Operator.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        await _installation.DisposeAsync();
        if (!_keepDatabase)
        {
            await TestCluster.DropAsync(ConnectionString);
        }

        Directory.Delete(DataFolder, recursive: true);
    }
}

/// <param name="Http">Calls with the tenant's key.</param>
public sealed record TestTenant(Guid Id, string Slug, string ApiKey, string WebhookSecret, HttpClient Http);

static class Replies
{
    /// <summary>The body of a successful response.</summary>
    /// <exception cref="HttpRequestException">Any other status; the message contains the body.</exception>
    public static async Task<JsonElement> ReadAsync(this HttpResponseMessage reply)
    {
        var text = await reply.Content.ReadAsStringAsync();
        return reply.IsSuccessStatusCode
            ? JsonDocument.Parse(text).RootElement
            : throw new HttpRequestException($"{(int)reply.StatusCode} from {reply.RequestMessage?.RequestUri}: {text}", inner: null, reply.StatusCode);
    }
}
