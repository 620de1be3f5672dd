using System.Text.Json;

namespace Gemma3Server.Tests.Support.Shapes;

/// <summary>What a JSON value must be. Objects are closed: a field that no shape names is a fault.</summary>
internal delegate void JsonShape(JsonElement value, string path);
