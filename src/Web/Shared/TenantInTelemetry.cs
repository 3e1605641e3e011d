using System.Collections;
using Microsoft.AspNetCore.Http.Features;

namespace ControlPlane.Web.Shared;

/// <summary>Adds the request's tenant to its trace and to every log line written while the request is served.</summary>
sealed class TenantInTelemetry(RequestDelegate next, ILogger<TenantInTelemetry> log)
{
    public async Task InvokeAsync(HttpContext context)
    {
        // Outermost, so that failures are logged within the scope. The tenant is known only later, so it is read when a line is written.
        using (log.BeginScope(new Scope(context)))
        {
            await next(context);
        }
    }

    sealed class Scope(HttpContext context) : IReadOnlyList<KeyValuePair<string, object?>>
    {
        public int Count => context.AuthenticatedTenant() is null ? 0 : 1;

        public KeyValuePair<string, object?> this[int index] => new(RequestTenant.Tag, context.AuthenticatedTenant());

        public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => Enumerable.Range(0, Count).Select(index => this[index]).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        public override string ToString() => context.AuthenticatedTenant() is { } tenant ? $"{RequestTenant.Tag}:{tenant}" : "";
    }
}

/// <summary>The tenant a request has been authenticated for.</summary>
static class RequestTenant
{
    /// <summary>Attribute name on traces and log lines.</summary>
    public const string Tag = "tenant.id";

    public static void SetTenant(this HttpContext context, Guid tenant)
    {
        context.Items[typeof(RequestTenant)] = tenant;
        if (context.Features.Get<IHttpActivityFeature>() is { Activity: { } activity })
        {
            activity.SetTag(Tag, tenant.ToString());
        }
    }

    /// <returns>null before authentication, and for operators and anonymous callers.</returns>
    public static Guid? AuthenticatedTenant(this HttpContext context) => context.Items[typeof(RequestTenant)] as Guid?;
}
