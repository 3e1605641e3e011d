using System.Text.Json;
using System.Text.Json.Serialization;

namespace ControlPlane.Web.Shared;

/// <summary>What the API needs around its endpoints.</summary>
public static class ApiServices
{
    /// <summary>The form of answers: JSON, and problem+json for every error.</summary>
    public static void AddAnswers(this IServiceCollection services)
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

    /// <summary>Who may call what, and how often; and the description of it all.</summary>
    public static void AddApi(this IServiceCollection services, IConfiguration configuration, Settings settings)
    {
        services.AddForwardedHeaders(configuration);
        services.AddControlPlaneAuthentication();
        services.AddControlPlaneRateLimits(configuration, settings.Options.Sandbox);
        services.AddOpenApi(ApiDescription.Complete);
    }

    /// <summary>The tenant in logs and traces, headers, problems: the same around every route.</summary>
    internal static void UseAnswers(this IApplicationBuilder app)
    {
        app.UseMiddleware<TenantInTelemetry>();
        app.UseMiddleware<SecurityHeaders>();
        app.UseControlPlaneProblems();
        app.UseMiddleware<CharsetMiddleware>();
    }

    internal static void MapApiDescription(this IEndpointRouteBuilder routes) => routes.MapOpenApi("/openapi/{documentName:regex(^v1$)}.json");
}
