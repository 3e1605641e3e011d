using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Amazon.SQS;
using Amazon.SQS.Model;
using ControlPlane.Lambda;
using ControlPlane.Lambda.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace ControlPlane.Tests.Lambda;

/// <summary>The functions in this process, with a database of their own and without AWS.</summary>
sealed class LambdaRig : IAsyncDisposable
{
    public const string OperatorKey = "cpo_operator-key-of-the-function-tests";
    public const string OriginToken = "origin-token-of-the-function-tests";
    public const string Queue = "https://sqs.eu-central-1.amazonaws.com/111122223333/provision";

    readonly MemoryStream _log = new();
    readonly List<string> _sent = [];
    readonly List<Function> _functions = [];

    LambdaRig(string connectionString, string folder)
    {
        (ConnectionString, Database, DataFolder) = (connectionString, new ControlDatabase(connectionString), folder);
        Lines = new LogLines(_log, TimeProvider.System);
        Settings = new Dictionary<string, string?>
        {
            ["CONTROLPLANE_DATABASE"] = connectionString,
            ["CONTROLPLANE_DATA"] = folder,
            ["CONTROLPLANE_DATAPLANE"] = "render",
            ["CONTROLPLANE_REGION"] = "eu-central-1",
            ["CONTROLPLANE_SECRETS_KEY"] = Convert.ToBase64String(new byte[32]),
            ["CONTROLPLANE_OPERATOR_KEY"] = OperatorKey,
            ["CONTROLPLANE_ORIGIN_TOKEN"] = OriginToken,
            ["CONTROLPLANE_PROVISION_QUEUE"] = Queue,
            ["CONTROLPLANE_TAGS"] = """{"Stack": "prod"}""",
            ["CONTROLPLANE_TENANT_SECRETS_KEY"] = "arn:aws:kms:eu-central-1:111122223333:key/secrets",
        };
    }

    public string ConnectionString { get; }
    public ControlDatabase Database { get; }
    public string DataFolder { get; }
    public LogLines Lines { get; }
    public Dictionary<string, string?> Settings { get; }

    public Aws.FakeSecretsManager Secrets { get; } = new();

    /// <summary>Messages sent to the provisioning queue.</summary>
    public IReadOnlyList<string> Sent => _sent;

    /// <summary>The functions' log.</summary>
    public string Log => Encoding.UTF8.GetString(_log.ToArray());

    public FunctionEnvironment Environment => new(new ConfigurationBuilder().AddInMemoryCollection(Settings).Build(), Lines) { ConfigureTestServices = ConfigureTestServices };

    public static async Task<LambdaRig> StartAsync() =>
        new(await TestCluster.NewDatabaseAsync(), Directory.CreateTempSubdirectory("functions-").FullName);

    /// <summary>Roles belong to the whole server and would outlive the test.</summary>
    public async Task DropLoginsAsync()
    {
        await using var owner = await Database.OpenOwnerAsync(default);
        foreach (var login in FunctionLogin.All)
        {
            await owner.ExecuteAsync($"drop owned by {login.Name}", default);
            await owner.ExecuteAsync($"drop role {login.Name}", default);
        }
    }

    public async Task<Function> ComposeAsync(string name)
    {
        var function = await Functions.Find(name)(Environment);
        _functions.Add(function);
        return function;
    }

    /// <summary>A function's host, without secrets.</summary>
    public FunctionHost Host(string name)
    {
        var environment = Environment;
        return new FunctionHost(
            rebuilt => Functions.Find(name)(rebuilt with { ConfigureTestServices = ConfigureTestServices }), environment.Configuration, new SecretSettings(environment.Configuration, (_, _) => throw new InvalidOperationException(), NullLogger.Instance, TimeProvider.System), Lines, TimeProvider.System);
    }

    /// <summary>The host of the function <c>jobs</c>.</summary>
    /// <param name="onBuild">Called for every build of the function.</param>
    public FunctionHost Host(SecretSettings secrets, Func<FunctionEnvironment, Compose, Compose> onBuild, TimeProvider time) => new(
        environment => onBuild(environment, Functions.Find("jobs"))(environment with { ConfigureTestServices = ConfigureTestServices }), Environment.Configuration, secrets, Lines, time);

    /// <summary>Creates an active tenant with a key.</summary>
    public async Task<RigTenant> TenantAsync()
    {
        await using var api = await WebRig.StartAsync(Environment, ControlPlane.Lambda.Web.ApiFunction.Build);
        var slug = Names.Random("a");
        var response = await api.Operator.PostAsJsonAsync(
            "/v1/admin/tenants", new { organization = "O", slug, plan = "basic", email = $"owner@{slug}.example", country = "DE" });
        var created = await response.Content.ReadFromJsonAsync<JsonElement>();
        return new RigTenant(created.GetProperty("tenant_id").GetGuid(), created.GetProperty("api_key").GetString()!, created.GetProperty("webhook_secret").GetString()!);
    }

    /// <summary>Invokes a function as Lambda does.</summary>
    /// <param name="remaining">Until Lambda's timeout.</param>
    public static async Task<JsonElement> InvokeAsync(Function function, string input, TimeSpan? remaining = null)
    {
        using var invocation = new Invocation(new FakeContext(remaining ?? TimeSpan.FromMinutes(1)), function.Margin, TimeProvider.System);
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(input));
        using var response = await JsonDocument.ParseAsync(await function.HandleAsync(stream, invocation));
        return response.RootElement.Clone();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var function in _functions)
        {
            await function.DisposeAsync();
        }

        await Database.DisposeAsync();
        await TestCluster.DropAsync(ConnectionString);
        Directory.Delete(DataFolder, recursive: true);
    }

    // Replacements for the services that need AWS.
    void ConfigureTestServices(IServiceCollection services) => services
        .AddSingleton(Secrets.Client())
        .AddSingleton<IModelStorage, ModelFolders>()
        .AddSingleton(Aws.Substitute.For<IAmazonSQS>((_, request) =>
        {
            var batch = (SendMessageBatchRequest)request;
            Assert.Equal(Queue, batch.QueueUrl);
            _sent.AddRange(batch.Entries.Select(entry => entry.MessageBody));
            return Task.FromResult<object>(new SendMessageBatchResponse());
        }));
}

sealed record RigTenant(Guid Id, string Key, string WebhookSecret);
