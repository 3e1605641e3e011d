using System.CommandLine;
using System.Globalization;
using ControlPlane.Benchmarks;
using ControlPlane.Benchmarks.Soak;

var events = new Option<int>("--events") { Description = "Size of the event table in millions of events, for measures that depend on it", DefaultValueFactory = _ => 30 };
var subscriptions = new Option<int>("--subscriptions")
{
    Description = "Subscriptions that are due at once, for invoices; ten times as many have nothing due, for billing-idle",
    DefaultValueFactory = _ => 10_000,
};
var rounds = new Option<int>("--rounds") { Description = "Rounds per measure; the median is reported", DefaultValueFactory = _ => 5 };
var seconds = new Option<int>("--seconds") { Description = "Duration of one round in seconds", DefaultValueFactory = _ => 4 };
var only = new Option<string[]>("--only")
{
    Description = $"Measures to run: {string.Join(", ", Bench.Names)}. Default: all",
    AllowMultipleArgumentsPerToken = true,
};
only.AcceptOnlyFromAmong([.. Bench.Names]);
var json = new Option<string>("--json") { Description = "File for the results", DefaultValueFactory = _ => Path.Combine("artifacts", "bench.json") };
var soak = new Option<bool>("--soak") { Description = "Instead of the measures: load from 200 tenants while one fault follows another" };
var minutes = new Option<int>("--minutes") { Description = "Duration of the soak in minutes", DefaultValueFactory = _ => 60 };
foreach (var (option, maximum) in new[] { (events, 1_000), (subscriptions, 100_000), (rounds, 99), (seconds, 600), (minutes, 1_440) })
{
    option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int>() is var number && (number < 1 || number > maximum))
        {
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name} must be between 1 and {maximum}."));
        }
    });
}

var port = new Option<int>("--port") { Required = true };
var serve = new Command("serve", "The server to be measured; started by the benchmark") { port };
serve.Hidden = true;
serve.SetAction((arguments, ct) => MeasuredServer.RunAsync(arguments.GetValue(port), ct));

var root = new RootCommand("Measures the control plane on its own PostgreSQL instance, as ratios to baselines of the same run.")
{
    events, subscriptions, rounds, seconds, only, json, soak, minutes, serve,
};
root.SetAction((arguments, ct) => arguments.GetValue(soak)
    ? SoakCommand.RunAsync(TimeSpan.FromMinutes(arguments.GetValue(minutes)), ct)
    : Bench.RunAsync(
        new BenchOptions(
            arguments.GetValue(events) * 1_000_000L, arguments.GetValue(subscriptions), arguments.GetValue(rounds), TimeSpan.FromSeconds(arguments.GetValue(seconds)),
            arguments.GetValue(only) is { Length: > 0 } names ? names : Bench.Names, arguments.GetValue(json)!),
        ct));
return await root.Parse(args).InvokeAsync();
