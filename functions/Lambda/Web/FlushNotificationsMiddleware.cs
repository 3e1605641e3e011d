namespace ControlPlane.Lambda.Web;

/// <summary>Sends the notifications of what the request has committed, before Lambda freezes the process.</summary>
sealed class FlushNotificationsMiddleware(RequestDelegate next, ProvisioningNotifier notifier)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        finally
        {
            await notifier.SendAsync();
        }
    }
}
