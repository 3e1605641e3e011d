using System.CommandLine;
using System.Globalization;
using ControlPlane.Benchmarks;

var events = new Option<int>("--events") { Description = "Events in the table where its size matters, in millions", DefaultValueFactory = _ => 30 };
var rounds = new Option<int>("--rounds") { Description = "Rounds of each measure; medians are reported", DefaultValueFactory = _ => 5 };
var seconds = new Option<int>("--seconds") { Description = "Length of one round of load", DefaultValueFactory = _ => 4 };
var only = new Option<string[]>("--only")
{
    Description = $"Measures to run: {string.Join(", ", Bench.Names)}. All without it",
    AllowMultipleArgumentsPerToken = true,
};
only.AcceptOnlyFromAmong([.. Bench.Names]);
var json = new Option<string>("--json") { Description = "File for the result", DefaultValueFactory = _ => Path.Combine("artifacts", "bench.json") };
foreach (var (option, most) in new[] { (events, 1_000), (rounds, 99), (seconds, 600) })
{
    option.Validators.Add(given =>
    {
        if (given.GetValueOrDefault<int>() is var number && (number < 1 || number > most))
        {
            given.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name} must be between 1 and {most}."));
        }
    });
}

var port = new Option<int>("--port") { Required = true };
var serve = new Command("serve", "The server that is measured; the benchmark starts it itself") { port };
serve.Hidden = true;
serve.SetAction((given, ct) => MeasuredServer.RunAsync(given.GetValue(port), ct));

var root = new RootCommand("Measures the control plane on a PostgreSQL of its own, always as a ratio to a baseline of the same run.")
{
    events, rounds, seconds, only, json, serve,
};
root.SetAction((given, ct) => Bench.RunAsync(
    new BenchOptions(
        given.GetValue(events) * 1_000_000L, given.GetValue(rounds), TimeSpan.FromSeconds(given.GetValue(seconds)),
        given.GetValue(only) is { Length: > 0 } chosen ? chosen : Bench.Names, given.GetValue(json)!),
    ct));
return await root.Parse(args).InvokeAsync();
