using ControlPlane.Aws.Work;
using Microsoft.AspNetCore.Http;

namespace ControlPlane.Aws.Web;

/// <summary>Sends news of what the request has committed, before its answer lets Lambda freeze the process.</summary>
sealed class NudgeAfterwards(RequestDelegate next, Nudges nudges)
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
