namespace ControlPlane.Lambda.Web;

/// <summary>
/// What gateways call for every chat, and nothing else: it starts the most often, and somebody waits for every start. It also counts what waited
/// in the queue while the database was away.
/// </summary>
sealed class UsageFunction(WebApplication app, OverflowQueueHandler drains) : HttpFunction(app)
{
    public override IReadOnlyList<string> WarmupEvents { get; } =
        [WarmupRequests.Request("POST", "/v1/authorize", "{}"), WarmupRequests.Request("POST", "/v1/usage", "{}"), WarmupRequests.Request("POST", "/v1/usage/litellm", "{}")];

    public static async Task<Function> ComposeAsync(FunctionEnvironment around)
    {
        var app = Build(NewBuilder(around), around);
        await app.StartAsync();
        return new UsageFunction(app, ActivatorUtilities.CreateInstance<OverflowQueueHandler>(app.Services));
    }

    public static WebApplication Build(WebApplicationBuilder builder, FunctionEnvironment around)
    {
        builder.Services.AddRoutingCore();
        Composition.RequireSecretsKey(builder.Configuration);
        builder.Services.AddFoundation(builder.Configuration);
        builder.Services.AddGateway(builder.Configuration);
        builder.Services.AddAnswers();
        var app = BehindCloudFront(builder, around);
        app.MapGateway();
        return app;
    }

    public override async Task<Stream> HandleAsync(Stream input, Invocation invocation)
    {
        var asked = EventsJson.Read<GatewayEvent>(input);
        return asked.Records is { } messages
            ? EventsJson.Write(await drains.ReceiveAsync(messages, invocation.Deadline))
            : await AnswerAsync(asked, invocation);
    }
}
