namespace ControlPlane.Web.Shared;

/// <summary>303 See Other: the result of a form post is shown by another page, which can be reloaded safely.</summary>
public sealed class SeeOther(string location) : IResult
{
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = StatusCodes.Status303SeeOther;
        httpContext.Response.Headers.Location = location;
        return Task.CompletedTask;
    }
}
