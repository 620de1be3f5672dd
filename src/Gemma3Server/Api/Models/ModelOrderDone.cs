namespace Gemma3Server.Api.Models;

/// <summary>The answer to an order that has been carried out.</summary>
/// <param name="Success">Always true.</param>
/// <param name="Model">The model as it stands now.</param>
internal sealed record ModelOrderDone(bool Success, ModelDescription Model);
