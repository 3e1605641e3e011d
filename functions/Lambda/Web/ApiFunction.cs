using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.Extensions.Hosting;

namespace ControlPlane.Lambda.Web;

/// <summary>The portal and the API: all routes. API Gateway routes those of gateways to <c>usage</c> instead.</summary>
sealed class ApiFunction(WebApplication app) : HttpFunction(app)
{
    public override IReadOnlyList<string> WarmupEvents { get; } =
    [
        WarmupRequests.Request("GET", "/healthz"), WarmupRequests.Request("GET", "/terms"), WarmupRequests.Request("GET", "/assets/site.css"),
        WarmupRequests.Request("POST", "/v1/signup", "{}"),
    ];

    public static async Task<Function> ComposeAsync(FunctionEnvironment environment)
    {
        var app = Build(NewBuilder(environment), environment);
        await app.StartAsync();
        return new ApiFunction(app);
    }

    public static WebApplication Build(WebApplicationBuilder builder, FunctionEnvironment environment)
    {
        builder.Services.AddRouting();
        Composition.RequireSecretsKey(builder.Configuration);
        builder.Services.AddControlPlane(builder.Configuration);
        builder.Services.AddStripe(builder.Configuration);
        DeferKeyLoading(builder.Services);
        // This function is reachable from the internet and has no rights to the cluster or to send mail. Those jobs run every few minutes anyway.
        builder.Services.AddSingleton(services => new JobDefinition(JobSchedules.Provision, services.GetRequiredService<ProvisioningNotifier>().ForwardToQueueAsync));
        builder.Services.AddSingleton(new JobDefinition(JobSchedules.Mail, _ => Task.FromResult(JobReport.Of(("mail_handed_on", 1)))));
        builder.Services.AddSingleton(new JobDefinition(JobSchedules.Webhooks, _ => Task.FromResult(JobReport.Of(("webhooks_handed_on", 1)))));
        builder.Services.AddSingleton(new JobDefinition(JobSchedules.Storage, _ => Task.FromResult(JobReport.Of(("storage_handed_on", 1)))));
        builder.Services.AddSingleton(new JobDefinition(JobSchedules.Health, _ => Task.FromResult(JobReport.Of(("health_handed_on", 1)))));
        var app = BuildBehindCloudFront(builder, environment);
        app.UseMiddleware<OperatorKeySyncMiddleware>();
        app.MapControlPlane();
        return app;
    }

    public override Task<Stream> HandleAsync(Stream input, Invocation invocation) => ServeAsync(EventsJson.Read<GatewayEvent>(input), invocation);

    // Data protection loads its keys at startup. While the database hangs, that would exceed Lambda's limit for a start, so the first form loads them.
    static void DeferKeyLoading(IServiceCollection services)
    {
        foreach (var loader in services.Where(service => service.ServiceType == typeof(IHostedService) && service.ImplementationType?.Assembly == typeof(KeyManagementOptions).Assembly).ToList())
        {
            services.Remove(loader);
        }
    }
}
