using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;

namespace ControlPlane.AzureFunctions.Tests;

/// <summary>The published function app in the real Functions worker, with a real PostgreSQL. Functions host and storage account are stand-ins.</summary>
[Trait("Category", "Slow")]
public sealed class PublishedWorkerTests
{
    [Fact]
    public async Task Published_metadata_equals_that_of_the_build_and_of_the_worker()
    {
        var published = FunctionMetadata.Read(await PublishedWorker.FolderAsync());
        Assert.Equal(FunctionMetadata.All.Select(Describe), published.Select(Describe));

        await using var worker = await PublishedWorker.StartAsync(WorkerStandIn.Settings("Host=127.0.0.1;Port=1;Database=none"));
        var loaded = await worker.LoadAsync();
        Assert.Equal(
            published.Select(function => (function.Name, function.EntryPoint, function.Type, function.Schedule ?? function.QueueName ?? function.Route)).Order(),
            loaded.Select(Loaded).Order());
    }

    [Fact]
    public async Task The_worker_serves_HTTP_runs_timers_and_receives_messages()
    {
        await using var queues = await StorageAccount.StartAsync();
        var connectionString = await TestCluster.NewDatabaseAsync();
        var settings = WorkerStandIn.Settings(connectionString);
        settings["CONTROLPLANE_OPERATOR_KEY"] = Credentials.New(Credentials.OperatorKeyPrefix);
        settings["AzureWebJobsStorage"] = queues.ConnectionString;
        try
        {
            await using var worker = await PublishedWorker.StartAsync(settings);
            await worker.LoadAsync();
            using var client = new HttpClient { BaseAddress = worker.HttpAddress };

            var ready = await worker.SendAsync(client, new HttpRequestMessage(HttpMethod.Get, "/readyz"));
            Assert.Equal("ready", (await ready.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("status").GetString());

            // The headers that the platform's front end adds.
            var page = new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { { "X-Forwarded-For", "198.51.100.7:4711" }, { "X-Forwarded-Proto", "https" } } };
            var home = await worker.SendAsync(client, page);
            Assert.Equal((HttpStatusCode.OK, "text/html"), (home.StatusCode, home.Content.Headers.ContentType!.MediaType));
            Assert.NotEmpty(home.Headers.GetValues("Strict-Transport-Security"));

            var slug = Names.Random("t");
            var create = new HttpRequestMessage(HttpMethod.Post, "/v1/admin/tenants")
            {
                Headers = { Authorization = new("Bearer", settings["CONTROLPLANE_OPERATOR_KEY"]) },
                Content = JsonContent.Create(new { organization = "Ada", slug, plan = "basic", email = $"owner@{slug}.example", country = "DE" }),
            };
            Assert.Equal(HttpStatusCode.Created, (await worker.SendAsync(client, create)).StatusCode);

            var (queue, text) = Assert.Single(queues.Messages);
            var provision = FunctionMetadata.All.Single(function => function.QueueName == queue);
            await worker.InvokeAsync(provision.Name, provision.Trigger.GetProperty("name").GetString()!, text);
            Assert.Equal(1, await CountAsync(connectionString, "select count(*) from control.environment where state = 'ready'"));

            foreach (var timer in FunctionMetadata.All.Where(function => function.Type == "timerTrigger"))
            {
                await worker.InvokeAsync(timer.Name, timer.Trigger.GetProperty("name").GetString()!, """{"IsPastDue": false}""");
            }

            // Runs of jobs that found their queue empty are not recorded.
            Assert.Equal(3, await CountAsync(
                connectionString, "select count(distinct job) from control.job_run where job in ('billing', 'nightly', 'retention') and outcome = 'succeeded'"));

            var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => worker.InvokeAsync("usage_queued", "message", "no delivery"));
            Assert.Contains("Exception", failure.Message, StringComparison.Ordinal);
        }
        finally
        {
            await TestCluster.DropAsync(connectionString);
        }
    }

    [Fact]
    public async Task A_worker_without_settings_exits_and_names_them()
    {
        await using var worker = await PublishedWorker.StartAsync([]);
        await worker.Process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(1, worker.Process.ExitCode);
        Assert.Contains("CONTROLPLANE_DATABASE", worker.Log, StringComparison.Ordinal);
    }

    static string Describe(FunctionMetadata function) => $"{function.Name} {function.EntryPoint} {function.Trigger}";

    static (string Name, string EntryPoint, string Type, string? Source) Loaded(JsonElement function)
    {
        // The worker adds the HTTP response as a binding of its own.
        var triggers = function.GetProperty("rawBindings").EnumerateArray().Select(binding => JsonDocument.Parse(binding.GetString()!).RootElement)
            .Where(binding => binding.GetProperty("direction").GetString() == "In");
        var trigger = new FunctionMetadata(function.GetProperty("name").GetString()!, function.GetProperty("entryPoint").GetString()!, triggers.Single());
        return (trigger.Name, trigger.EntryPoint, trigger.Type, trigger.Schedule ?? trigger.QueueName ?? trigger.Route);
    }

    static async Task<long> CountAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ToString());
        await connection.OpenAsync();
        return await connection.ScalarAsync<long>(sql, CancellationToken.None);
    }
}
