namespace Gemma3Server.Api.Responses;

/// <summary>A response that is stored no more.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Object">Always <c>response</c>.</param>
/// <param name="Deleted">Always true.</param>
internal sealed record DeletedResponse(string Id, string Object = "response", bool Deleted = true);
