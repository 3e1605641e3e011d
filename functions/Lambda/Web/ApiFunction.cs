using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.Extensions.Hosting;

namespace ControlPlane.Lambda.Web;

/// <summary>The portal and the API: all routes. Those of gateways do not get here as long as API Gateway sends them to <c>usage</c>.</summary>
sealed class ApiFunction(WebApplication app) : HttpFunction(app)
{
    public override IReadOnlyList<string> WarmupEvents { get; } =
    [
        WarmupRequests.Request("GET", "/healthz"), WarmupRequests.Request("GET", "/terms"), WarmupRequests.Request("GET", "/assets/site.css"),
        WarmupRequests.Request("POST", "/v1/signup", "{}"),
    ];

    public static async Task<Function> ComposeAsync(FunctionEnvironment around)
    {
        var app = Build(NewBuilder(around), around);
        await app.StartAsync();
        return new ApiFunction(app);
    }

    public static WebApplication Build(WebApplicationBuilder builder, FunctionEnvironment around)
    {
        builder.Services.AddRouting();
        Composition.RequireSecretsKey(builder.Configuration);
        builder.Services.AddControlPlane(builder.Configuration);
        LeaveKeysToTheFirstForm(builder.Services);
        // These take rights that nothing has to which the internet comes: to the cluster, and to send mail. The outbox is looked at each minute.
        builder.Services.AddSingleton(services => new JobDefinition(JobSchedules.Provision, services.GetRequiredService<ProvisioningNotifier>().ForwardToQueueAsync));
        builder.Services.AddSingleton(new JobDefinition(JobSchedules.Outbox, _ => Task.FromResult(JobReport.Of(("handed_on", 1)))));
        var app = BehindCloudFront(builder, around);
        app.UseMiddleware<OperatorKeySyncMiddleware>();
        app.MapControlPlane();
        return app;
    }

    public override Task<Stream> HandleAsync(Stream input, Invocation invocation) => AnswerAsync(EventsJson.Read<GatewayEvent>(input), invocation);

    // ASP.NET Core reads the keys that protect forms when it starts, and would wait for a database that hangs for longer than Lambda lets a start take.
    static void LeaveKeysToTheFirstForm(IServiceCollection services)
    {
        foreach (var reader in services.Where(service => service.ServiceType == typeof(IHostedService) && service.ImplementationType?.Assembly == typeof(KeyManagementOptions).Assembly).ToList())
        {
            services.Remove(reader);
        }
    }
}
