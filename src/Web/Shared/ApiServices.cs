using System.Text.Json;
using System.Text.Json.Serialization;

namespace ControlPlane.Web.Shared;

/// <summary>Services and middleware shared by all endpoints.</summary>
public static class ApiServices
{
    /// <summary>Response formats: JSON, and problem+json for every error.</summary>
    public static void AddResponses(this IServiceCollection services)
    {
        services.AddControlPlaneProblems();
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
            json.SerializerOptions.DictionaryKeyPolicy = JsonNamingPolicy.SnakeCaseLower;
            json.SerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
            json.SerializerOptions.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower));
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, GatewayJson.Default);
        });
    }

    /// <summary>Authentication, rate limits and the OpenAPI document.</summary>
    /// <exception cref="SettingException">A setting is invalid; the message names it and says what to set.</exception>
    public static void AddApi(this IServiceCollection services, IConfiguration configuration, Settings settings)
    {
        if (configuration[OperatorKeySetting.Name] is { } key)
        {
            OperatorKeySetting.Validate(key);
        }

        services.AddForwardedHeaders(configuration);
        services.AddControlPlaneAuthentication();
        services.AddControlPlaneRateLimits(configuration, settings.Options.Sandbox);
        services.AddSingleton<ReadinessProbe>();
        services.AddSingleton<ApiDocument>();
        services.AddOpenApi(ApiDocument.Name, ApiDescription.Complete);
    }

    /// <summary>Middleware around every route: tenant in logs and traces, security headers, problem responses, limits of bodies.</summary>
    internal static void UseResponses(this IApplicationBuilder app)
    {
        app.UseMiddleware<TenantInTelemetry>();
        app.UseMiddleware<SecurityHeaders>();
        app.UseControlPlaneProblems();
        app.UseMiddleware<BodyLimitsMiddleware>();
        app.UseMiddleware<CharsetMiddleware>();
    }

    internal static void MapApiDescription(this IEndpointRouteBuilder routes) => routes.MapGet(
        $"/openapi/{ApiDocument.Name}.json",
        async (ApiDocument document, CancellationToken ct) => TypedResults.Bytes(await document.ReadAsync(ct), "application/json; charset=utf-8")).ExcludeFromDescription();
}
