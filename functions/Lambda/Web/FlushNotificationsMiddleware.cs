namespace ControlPlane.Lambda.Web;

/// <summary>Sends news of what the request has committed, before its answer lets Lambda freeze the process.</summary>
sealed class FlushNotificationsMiddleware(RequestDelegate next, ProvisioningNotifier nudges)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        finally
        {
            await nudges.SendAsync();
        }
    }
}
