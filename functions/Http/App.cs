using System.Text.Json;
using System.Text.Json.Serialization;
using ControlPlane.Aggregation;
using ControlPlane.Billing;
using ControlPlane.Budgets;
using ControlPlane.Database;
using ControlPlane.Http.Hosting;
using ControlPlane.Http.Portal;
using ControlPlane.Http.Usage;
using ControlPlane.Mail;
using ControlPlane.Operations;
using ControlPlane.Usage;
using ControlPlane.Webhooks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace ControlPlane.Http;

/// <summary>The whole application without a host: every service and every route, in the order of the data's way.</summary>
public static class App
{
    public static IServiceCollection AddControlPlane(this IServiceCollection services, IConfiguration configuration)
    {
        var settings = Settings.Read(configuration);
        services.AddSingleton(settings.Options);
        services.AddSingleton(_ => new ControlDatabase(settings.ConnectionString));
        services.AddSingleton(_ => new SecretBox(settings.SecretsKey));
        services.AddSingleton(new Clock(TimeProvider.System, settings.Options));

        services.AddSignup();
        services.AddProvisioning(configuration, settings);
        services.AddSingleton<Authorize>();
        services.AddSingleton<ExpireReservations>();
        services.AddSingleton<UserLimits>();
        services.AddSingleton<OverrideLimits>();
        services.AddSingleton<AnnounceAlerts>();
        services.AddSingleton<UsageCaller>();
        services.AddSingleton<RecordUsage>();
        services.AddUsageOverflow(configuration);
        services.AddSingleton<ReplayQuarantine>();
        services.AddSingleton<RebuildDailyUsage>();
        services.AddSingleton(SellerSettings.Read(configuration, settings.Options.Domain));
        services.AddSingleton<CloseBillingPeriod>();
        services.AddSingleton<RunBillingCycle>();

        services.AddSingleton(MailSettings.Transport(configuration, settings.Options));
        services.AddSingleton(MailSettings.Sender(configuration, settings.Options));
        services.AddSingleton<SendOutbox>();
        services.AddSingleton<WebhookEndpoints>();
        services.AddSingleton<WebhookDeliveries>();
        services.AddSingleton<WebhookClient>();
        services.AddSingleton<SendWebhooks>();

        services.AddSingleton<Migrator>();
        services.AddSingleton<JobRunner>();
        services.AddSingleton<MoveSandboxClock>();
        services.AddSingleton<Jobs>();

        services.AddTelemetryExport(configuration);
        services.AddForwardedHeaders(configuration);
        services.AddControlPlaneAuthentication();
        services.AddControlPlaneProblems();
        services.AddControlPlaneRateLimits(configuration, settings.Options.Sandbox);
        services.AddAntiforgery(form => (form.Cookie.Name, form.Cookie.SecurePolicy) = ("antiforgery", CookieSecurePolicy.SameAsRequest));
        services.AddDataProtection().SetApplicationName("controlplane");
        services.AddSingleton<IConfigureOptions<KeyManagementOptions>, StoreKeysInDatabase>();
        services.AddRazorComponents();
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
            json.SerializerOptions.DictionaryKeyPolicy = JsonNamingPolicy.SnakeCaseLower;
            json.SerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
            json.SerializerOptions.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower));
        });
        services.AddOpenApi(ApiDescription.Complete);
        return services;
    }

    public static void MapControlPlane(this WebApplication app)
    {
        app.UseForwardedHeaders();
        app.UseMiddleware<TenantInTelemetry>();
        app.UseMiddleware<SecurityHeaders>();
        app.UseControlPlaneProblems();
        app.UseMiddleware<KnownEncodings>();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseRateLimiter();
        app.UseAntiforgery();

        app.MapSignup();
        app.MapKeys();
        app.MapEnvironment();
        app.MapAuthorize();
        app.MapUsage();
        app.MapSubscription();
        app.MapLimits();
        app.MapWebhooks();
        app.MapInvoices();
        app.MapQuarantine();
        app.MapAdminTenants();
        app.MapAdminEnvironment();
        app.MapJobs();
        if (app.Services.GetRequiredService<ControlPlaneOptions>().Sandbox)
        {
            app.MapSandbox();
        }

        app.MapOpenApi("/openapi/{documentName:regex(^v1$)}.json");
        app.MapAssets();
        app.MapAppPages();
        app.MapEnvironmentPages();
        app.MapKeyPages();
        app.MapMemberListPages();
        app.MapLimitPages();
        app.MapWebhookPages();
        app.MapAdminPages();
        app.MapHealth();
    }
}
