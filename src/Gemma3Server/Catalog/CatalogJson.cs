using System.Text.Json.Serialization;

namespace Gemma3Server.Catalog;

/// <summary>The JSON of receipts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(Receipt))]
internal sealed partial class CatalogJson : JsonSerializerContext;
