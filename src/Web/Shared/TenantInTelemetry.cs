using System.Collections;
using Microsoft.AspNetCore.Http.Features;

namespace ControlPlane.Web.Shared;

/// <summary>Puts a request's tenant on its trace and on every log line that is written while it is served.</summary>
sealed class TenantInTelemetry(RequestDelegate next, ILogger<TenantInTelemetry> log)
{
    public async Task InvokeAsync(HttpContext context)
    {
        // Outermost, so that failures are logged within it; the tenant is known only later, and looked up when a line is written.
        using (log.BeginScope(new Scope(context)))
        {
            await next(context);
        }
    }

    sealed class Scope(HttpContext context) : IReadOnlyList<KeyValuePair<string, object?>>
    {
        public int Count => context.ServedTenant() is null ? 0 : 1;

        public KeyValuePair<string, object?> this[int index] => new(ServedTenants.Tag, context.ServedTenant());

        public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => Enumerable.Range(0, Count).Select(index => this[index]).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        public override string ToString() => context.ServedTenant() is { } tenant ? $"{ServedTenants.Tag}:{tenant}" : "";
    }
}

/// <summary>The tenant a request proved to come from.</summary>
static class ServedTenants
{
    /// <summary>Its name on traces and log lines.</summary>
    public const string Tag = "tenant.id";

    public static void Serves(this HttpContext context, Guid tenant)
    {
        context.Items[typeof(ServedTenants)] = tenant;
        if (context.Features.Get<IHttpActivityFeature>() is { Activity: { } activity })
        {
            activity.SetTag(Tag, tenant.ToString());
        }
    }

    /// <returns>null before the caller is known, and for operators and visitors.</returns>
    public static Guid? ServedTenant(this HttpContext context) => context.Items[typeof(ServedTenants)] as Guid?;
}
