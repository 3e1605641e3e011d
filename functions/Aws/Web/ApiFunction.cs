using ControlPlane.Aws.Hosting;
using ControlPlane.Aws.Work;
using ControlPlane.Http;
using ControlPlane.Http.Hosting;
using ControlPlane.Operations;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Aws.Web;

/// <summary>The portal and the API: all routes. Those of gateways do not get here as long as API Gateway sends them to <c>usage</c>.</summary>
sealed class ApiFunction(HttpFunction http) : IFunction
{
    public IServiceProvider Services => http.Services;

    public TimeSpan Margin => HttpFunction.Margin;

    public IReadOnlyList<string> Rehearsal { get; } =
    [
        Rehearsals.Request("GET", "/healthz"), Rehearsals.Request("GET", "/terms"), Rehearsals.Request("GET", "/assets/site.css"),
        Rehearsals.Request("POST", "/v1/signup", "{}"),
    ];

    public static async Task<IFunction> ComposeAsync(Surroundings around) =>
        new ApiFunction(await HttpFunction.StartAsync(Build(HttpFunction.NewBuilder(around), around)));

    public static WebApplication Build(WebApplicationBuilder builder, Surroundings around)
    {
        builder.Services.AddRouting();
        Composition.RequireSecretsKey(builder.Configuration);
        builder.Services.AddControlPlane(builder.Configuration);
        // It takes longer than a request may, and rights that nothing on the internet has.
        builder.Services.AddSingleton(services => new JobDefinition(JobSchedules.Provision, services.GetRequiredService<Nudges>().HandOnAsync));
        var app = HttpFunction.Build(builder, around);
        app.UseMiddleware<GivenOperatorKey>();
        app.MapControlPlane();
        return app;
    }

    public async Task<Stream> HandleAsync(Stream input, Invocation invocation) => await http.HandleAsync(EventsJson.Read<GatewayEvent>(input), invocation);

    public ValueTask DisposeAsync() => http.DisposeAsync();
}
