using ControlPlane.Aws.Hosting;
using ControlPlane.Http;
using ControlPlane.Http.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Aws.Web;

/// <summary>
/// What gateways call for every chat, and nothing else: it starts the most often, and somebody waits for every start. It also counts what waited
/// in the queue while the database was away.
/// </summary>
sealed class UsageFunction(HttpFunction http, DrainsOverflow drains) : IFunction
{
    public IServiceProvider Services => http.Services;

    public TimeSpan Margin => HttpFunction.Margin;

    public IReadOnlyList<string> Rehearsal { get; } =
        [Rehearsals.Request("POST", "/v1/authorize", "{}"), Rehearsals.Request("POST", "/v1/usage", "{}"), Rehearsals.Request("POST", "/v1/usage/litellm", "{}")];

    public static async Task<IFunction> ComposeAsync(Surroundings around)
    {
        var http = await HttpFunction.StartAsync(Build(HttpFunction.NewBuilder(around), around));
        return new UsageFunction(http, ActivatorUtilities.CreateInstance<DrainsOverflow>(http.Services));
    }

    public static WebApplication Build(WebApplicationBuilder builder, Surroundings around)
    {
        builder.Services.AddRoutingCore();
        Composition.RequireSecretsKey(builder.Configuration);
        builder.Services.AddFoundation(builder.Configuration);
        builder.Services.AddGateway(builder.Configuration);
        builder.Services.AddAnswers();
        var app = HttpFunction.Build(builder, around);
        app.MapGateway();
        return app;
    }

    public async Task<Stream> HandleAsync(Stream input, Invocation invocation)
    {
        var asked = EventsJson.Read<GatewayEvent>(input);
        return asked.Records is { } messages
            ? EventsJson.Write(await drains.ReceiveAsync(messages, invocation.Deadline))
            : await http.HandleAsync(asked, invocation);
    }

    public ValueTask DisposeAsync() => http.DisposeAsync();
}
