using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace ControlPlane.Web.Shared;

/// <summary>Completes /openapi/v1.json with what endpoint signatures do not say: security requirements and the error response.</summary>
static class ApiDescription
{
    const string TenantKey = "tenant_key";
    const string OperatorKey = "operator_key";
    const string SignedWebhook = "signed_webhook";

    static readonly OpenApiInfo Info = new()
    {
        Title = "CFS LLM Platform control plane",
        Version = "v1",
        Description = "JSON in snake_case. Every error is problem+json (RFC 9457). Lists are {items, next_cursor?}: send next_cursor as `cursor` to get the next page. "
            + "Money is in EUR, times are in UTC.",
        License = new OpenApiLicense { Name = "Terms of service", Url = new Uri("/terms", UriKind.Relative) },
    };

    public static void Complete(OpenApiOptions options)
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = Info;
            // Relative to the document, because a proxy may serve it at another address than the process knows.
            document.Servers = [new OpenApiServer { Url = "/" }];
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
            {
                [TenantKey] = Bearer("Tenant key: cpt_…"),
                [OperatorKey] = Bearer("Operator key: cpo_…"),
                [SignedWebhook] = new OpenApiSecurityScheme
                {
                    Type = SecuritySchemeType.ApiKey,
                    In = ParameterLocation.Header,
                    Name = "webhook-signature",
                    Description = "Signature as specified by standardwebhooks.com, with webhook-id and webhook-timestamp, using the tenant's whsec_ secret. X-Tenant-Id is the tenant ID.",
                },
            };
            return Task.CompletedTask;
        });
        options.AddSchemaTransformer((schema, context, _) =>
        {
            foreach (var property in context.JsonTypeInfo.Properties.Where(IsOptional))
            {
                schema.Required?.Remove(property.Name);
            }

            return Task.CompletedTask;
        });
        options.AddOperationTransformer(async (operation, context, ct) =>
        {
            var policies = context.Description.ActionDescriptor.EndpointMetadata.OfType<IAuthorizeData>().Select(needed => needed.Policy).ToList();
            operation.Security = SchemesOf(context.Description.RelativePath!, policies)
                .Select(scheme => new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(scheme, context.Document)] = [] }).ToList();
            operation.Responses ??= [];
            operation.Responses["default"] = new OpenApiResponse
            {
                Description = "The error and how to correct the request",
                Content = new Dictionary<string, OpenApiMediaType>
                {
                    ["application/problem+json"] = new() { Schema = await context.GetOrCreateSchemaAsync(typeof(ProblemDetails), null, ct) },
                },
            };
        });
    }

    // Null is omitted from JSON, and the properties of request bodies are nullable because their endpoints validate them: [Required] marks those.
    static bool IsOptional(JsonPropertyInfo property) =>
        !Has<RequiredAttribute>(property, _ => true)
        && !Has<JsonIgnoreAttribute>(property, ignore => ignore.Condition == JsonIgnoreCondition.Never)
        && (property.IsGetNullable || Has<JsonIgnoreAttribute>(property, ignore => ignore.Condition == JsonIgnoreCondition.WhenWritingDefault));

    static bool Has<T>(JsonPropertyInfo property, Func<T, bool> condition) =>
        property.AttributeProvider?.GetCustomAttributes(typeof(T), inherit: true).Cast<T>().Any(condition) == true;

    static IEnumerable<string> SchemesOf(string path, List<string?> policies)
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
            // Checked in the endpoint, because the signature covers the body.
            yield return SignedWebhook;
            yield return TenantKey;
        }
    }

    static OpenApiSecurityScheme Bearer(string description) => new() { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = description };
}
