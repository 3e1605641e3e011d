namespace ControlPlane.Web.Organizations;

static class OrganizationForms
{
    /// <summary>The fields of the form, as entered. A field that is not sent is empty.</summary>
    public static Organization Read(IFormCollection form) => new(
        Field(form, "name"), Field(form, "line1"), Field(form, "line2"), Field(form, "postal_code"), Field(form, "city"), Field(form, "state"), Field(form, "country"),
        Field(form, "invoice_email"), Field(form, "reference"), Field(form, "vat_id"), Field(form, "language"));

    static string? Field(IFormCollection form, string name) => form[name] is [{ } value] ? value : null;
}
