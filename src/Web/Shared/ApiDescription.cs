using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace ControlPlane.Web.Shared;

/// <summary>What /openapi/v1.json says beyond what the endpoints' signatures do: who may call, and what an error looks like.</summary>
static class ApiDescription
{
    const string TenantKey = "tenant_key";
    const string OperatorKey = "operator_key";
    const string SignedWebhook = "signed_webhook";

    static readonly OpenApiInfo Info = new()
    {
        Title = "CFS LLM Platform control plane",
        Version = "v1",
        Description = "JSON in snake_case. Every error is problem+json (RFC 9457). Lists are {items, next_cursor?}: send next_cursor as `cursor` to go on. "
            + "Money is in EUR, times are in UTC.",
    };

    public static void Complete(OpenApiOptions options)
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = Info;
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
            {
                [TenantKey] = Bearer("A key of a tenant: cpt_…"),
                [OperatorKey] = Bearer("The key of the operators: cpo_…"),
                [SignedWebhook] = new OpenApiSecurityScheme
                {
                    Type = SecuritySchemeType.ApiKey,
                    In = ParameterLocation.Header,
                    Name = "webhook-signature",
                    Description = "As standardwebhooks.com has it, with webhook-id and webhook-timestamp, by the tenant's whsec_ secret; X-Tenant-Id names the tenant.",
                },
            };
            return Task.CompletedTask;
        });
        options.AddOperationTransformer(async (operation, context, ct) =>
        {
            var policies = context.Description.ActionDescriptor.EndpointMetadata.OfType<IAuthorizeData>().Select(needed => needed.Policy).ToList();
            operation.Security = Callers(context.Description.RelativePath!, policies)
                .Select(scheme => new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(scheme, context.Document)] = [] }).ToList();
            operation.Responses ??= [];
            operation.Responses["default"] = new OpenApiResponse
            {
                Description = "What is wrong, and what to do instead",
                Content = new Dictionary<string, OpenApiMediaType>
                {
                    ["application/problem+json"] = new() { Schema = await context.GetOrCreateSchemaAsync(typeof(ProblemDetails), null, ct) },
                },
            };
        });
    }

    static IEnumerable<string> Callers(string path, List<string?> policies)
    {
        if (policies.Contains(Policies.Operator))
        {
            yield return OperatorKey;
        }
        else if (policies.Contains(Policies.Tenant) || path == "v1/authorize")
        {
            yield return TenantKey;
        }
        else if (path.StartsWith("v1/usage", StringComparison.Ordinal))
        {
            // Checked in the endpoint: a signature can only be checked with the body.
            yield return SignedWebhook;
            yield return TenantKey;
        }
    }

    static OpenApiSecurityScheme Bearer(string description) => new() { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = description };
}
