using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Logs;

namespace ControlPlane.Web.Shared;

/// <summary>
/// Removes from spans the parts of URLs that may be confidential: queries (tokens of mailed links), path values (user ids, which may be email
/// addresses) and the paths of webhook URLs (which often contain a token). Done here, so that no setting of an instrumentation can undo it.
/// </summary>
sealed class RedactUrls : BaseProcessor<Activity>
{
    public override void OnEnd(Activity data)
    {
        data.SetTag("url.query", null);
        if (data.GetTagItem("url.path") is not null)
        {
            data.SetTag("url.path", data.GetTagItem("http.route"));
        }

        if (data.GetTagItem("url.full") is string full)
        {
            data.SetTag("url.full", Uri.TryCreate(full, UriKind.Absolute, out var url) ? url.GetLeftPart(UriPartial.Authority) : null);
        }
    }
}

/// <summary>Adds the tenant of the request to its log records.</summary>
sealed class TenantOnLogs : BaseProcessor<LogRecord>
{
    public override void OnEnd(LogRecord data)
    {
        for (var activity = Activity.Current; activity is not null; activity = activity.Parent)
        {
            if (activity.GetTagItem(RequestTenant.Tag) is { } tenant)
            {
                data.Attributes = [.. data.Attributes ?? [], new(RequestTenant.Tag, tenant)];
                return;
            }
        }
    }
}
