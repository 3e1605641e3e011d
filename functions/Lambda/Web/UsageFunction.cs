namespace ControlPlane.Lambda.Web;

/// <summary>
/// The routes that gateways call for every chat. It has the most cold starts, each delaying a user, so it loads nothing else. As <c>usage</c> it also ingests usage
/// that was queued while the database was unavailable; as <c>authorize</c> it gets authorizations only.
/// </summary>
sealed class UsageFunction(WebApplication app, OverflowQueueHandler overflow) : HttpFunction(app)
{
    public override IReadOnlyList<string> WarmupEvents { get; } =
        [WarmupRequests.Request("POST", "/v1/authorize", "{}"), WarmupRequests.Request("POST", "/v1/usage", "{}"), WarmupRequests.Request("POST", "/v1/usage/litellm", "{}")];

    public static async Task<Function> ComposeAsync(FunctionEnvironment environment)
    {
        var app = Build(NewBuilder(environment), environment);
        await app.StartAsync();
        return new UsageFunction(app, ActivatorUtilities.CreateInstance<OverflowQueueHandler>(app.Services));
    }

    public static WebApplication Build(WebApplicationBuilder builder, FunctionEnvironment environment)
    {
        builder.Services.AddRoutingCore();
        Composition.RequireSecretsKey(builder.Configuration);
        builder.Services.AddFoundation(builder.Configuration);
        builder.Services.AddGateway(builder.Configuration);
        builder.Services.AddResponses();
        var app = BuildBehindCloudFront(builder, environment);
        app.MapGateway();
        return app;
    }

    public override async Task<Stream> HandleAsync(Stream input, Invocation invocation)
    {
        var request = EventsJson.Read<GatewayEvent>(input);
        return request.Records is { } messages
            ? EventsJson.Write(await overflow.ReceiveAsync(messages, invocation.Deadline))
            : await ServeAsync(request, invocation);
    }
}
