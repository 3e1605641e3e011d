// dotnet run scripts/starts.cs -- FOLDER ROUNDS: called by scripts/measure-starts, which publishes the functions to FOLDER.
#:sdk Microsoft.NET.Sdk.Web
#:property PublishAot=false
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Reflection;
using System.Text.Json;

if (args is ["empty", var lambda])
{
    // The baseline: an ASP.NET Core program that only polls for an event.
    var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
    builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
    await using var app = builder.Build();
    await app.StartAsync();
    using var client = new HttpClient();
    await client.GetAsync(new Uri($"http://{lambda}{Lambda.Next}"));
    return 0;
}

if (args is not [var folder, var roundsText] || !int.TryParse(roundsText, NumberStyles.None, CultureInfo.InvariantCulture, out var rounds) || rounds < 1)
{
    Console.Error.WriteLine("Usage: scripts/measure-starts [ROUNDS]");
    return 2;
}

// Requests that need no database. Functions with other events are measured up to their first poll.
(string Name, string? Event)[] functions =
    [("usage", Lambda.Request("POST", "/v1/authorize")), ("api", Lambda.Request("GET", "/terms")), ("jobs", null), ("provision", null), ("database", null)];
var (baselines, measured) = (new List<Start>(), new Dictionary<(string Function, string Kind), List<Start>>());
for (var round = 0; round <= rounds; round++)
{
    var baseline = await Lambda.StartAsync([Assembly.GetExecutingAssembly().Location, "empty"], "", null);
    baselines.Add(baseline);
    foreach (var (name, input) in functions)
    {
        foreach (var kind in (string[])["compiled", "jit"])
        {
            var start = await Lambda.StartAsync([Path.Combine(folder, kind, "ControlPlane.Lambda.dll")], name, input);
            measured.TryAdd((name, kind), []);
            measured[(name, kind)].Add(start with { Ready = start.Ready / baseline.Ready, Responded = start.Responded / baseline.Ready });
        }
    }
}

Console.WriteLine($"{rounds} rounds. The empty host polls for an event after {Median(baselines.Select(start => start.Ready)):0} ms, with {baselines[^1].Assemblies} assemblies.");
Console.WriteLine("| function | assemblies | ready | responded | ready, without ReadyToRun | responded, without ReadyToRun |\n| --- | --- | --- | --- | --- | --- |");
foreach (var (name, _) in functions)
{
    var (compiled, jit) = (measured[(name, "compiled")], measured[(name, "jit")]);
    var columns = new[] { compiled.Select(start => start.Ready), compiled.Select(start => start.Responded), jit.Select(start => start.Ready), jit.Select(start => start.Responded) };
    Console.WriteLine($"| `{name}` | {compiled[^1].Assemblies} | {string.Join(" | ", columns.Select(Format))} |");
}

return 0;

// The first round warms the disk cache and is not counted.
static double[] Sorted(IEnumerable<double> rounds) => [.. rounds.Skip(1).Order()];

static double Median(IEnumerable<double> rounds) => Sorted(rounds)[(rounds.Count() - 1) / 2];

static string Format(IEnumerable<double> rounds) =>
    double.IsNaN(Median(rounds)) ? "" : string.Create(CultureInfo.InvariantCulture, $"{Median(rounds):0.00} ({Sorted(rounds)[0]:0.00} to {Sorted(rounds)[^1]:0.00})");

/// <param name="Ready">Time to the first poll for an event, in ms or as a ratio.</param>
/// <param name="Responded">Time to the first response; NaN without an event.</param>
/// <param name="Assemblies">Loaded at the first poll.</param>
sealed record Start(double Ready, double Responded, int Assemblies);

/// <summary>Lambda's side of a cold start: starts the process, sends its first event and receives the response.</summary>
static class Lambda
{
    public const string Next = "/2018-06-01/runtime/invocation/next";
    const string OriginToken = "token";
    static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(1);

    /// <param name="input">The first event; null: measured up to the first poll.</param>
    public static async Task<Start> StartAsync(string[] program, string function, string? input)
    {
        var (ready, responded) = (new TaskCompletionSource<TimeSpan>(), new TaskCompletionSource<TimeSpan>());
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        await using var api = builder.Build();
        var (clock, failure) = (new Stopwatch(), "The official Amazon.Lambda packages are required.");
        api.Run(async context =>
        {
            if (context.Request.Path != Next)
            {
                responded.TrySetResult(clock.Elapsed);
                failure = context.Request.Path.Value!.EndsWith("/error", StringComparison.Ordinal) ? await new StreamReader(context.Request.Body).ReadToEndAsync() : failure;
                context.Response.StatusCode = StatusCodes.Status202Accepted;
            }
            else if (!ready.TrySetResult(clock.Elapsed) || input is null)
            {
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            }
            else
            {
                context.Response.Headers["Lambda-Runtime-Aws-Request-Id"] = "1";
                context.Response.Headers["Lambda-Runtime-Deadline-Ms"] = TimeProvider.System.GetUtcNow().AddMinutes(1).ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
                await context.Response.WriteAsync(input);
            }
        });
        await api.StartAsync();
        var address = new Uri(api.Urls.Single()).Authority;
        clock.Start();
        using var process = Process.Start(Command([.. program, address], function, address))!;
        try
        {
            if (await Task.WhenAny(ready.Task, process.WaitForExitAsync()).WaitAsync(StartTimeout) != ready.Task)
            {
                throw new InvalidOperationException($"{string.Join(' ', program)} {function} ended before it polled for an event. {failure}");
            }

            var assemblies = File.ReadLines($"/proc/{process.Id}/maps").Where(line => line.EndsWith(".dll", StringComparison.Ordinal)).Select(line => line.Split('/')[^1]).Distinct().Count();
            return new Start(
                (await ready.Task).TotalMilliseconds, input is null ? double.NaN : (await responded.Task.WaitAsync(StartTimeout)).TotalMilliseconds, assemblies);
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    /// <summary>In the format of API Gateway.</summary>
    public static string Request(string method, string path) => JsonSerializer.Serialize(new
    {
        version = "2.0",
        routeKey = "$default",
        rawPath = path,
        rawQueryString = "",
        headers = new Dictionary<string, string> { ["content-type"] = "application/json", ["x-origin-token"] = OriginToken },
        requestContext = new { domainName = "localhost", stage = "$default", http = new { method, path, protocol = "HTTP/1.1", sourceIp = "192.0.2.1" } },
        body = "{}",
        isBase64Encoded = false,
    });

    static ProcessStartInfo Command(string[] arguments, string function, string address)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true };
        foreach (var (name, value) in new Dictionary<string, string>
        {
            ["CONTROLPLANE_FUNCTION"] = function,
            ["CONTROLPLANE_DATABASE"] = "Host=127.0.0.1;Port=1;Database=none;Username=none;Password=none",
            ["CONTROLPLANE_SECRETS_KEY"] = Convert.ToBase64String(new byte[32]),
            ["CONTROLPLANE_ORIGIN_TOKEN"] = OriginToken,
            ["CONTROLPLANE_SMTP"] = "smtp://127.0.0.1:1",
            ["CONTROLPLANE_MODEL_FILES"] = "fs-1",
            ["CONTROLPLANE_TENANT_ACCESS_POINT"] = """{"path":"/tenants/{tenant_id}","uid":1000,"gid":1000,"permissions":"0750"}""",
            ["AWS_ACCESS_KEY_ID"] = "none",
            ["AWS_SECRET_ACCESS_KEY"] = "none",
            ["AWS_LAMBDA_RUNTIME_API"] = address,
            ["AWS_LAMBDA_FUNCTION_NAME"] = function,
            ["AWS_LAMBDA_LOG_FORMAT"] = "JSON",
            ["AWS_REGION"] = "eu-central-1",
        })
        {
            start.Environment[name] = value;
        }

        return start;
    }
}
