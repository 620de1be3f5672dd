using Gemma3Server.Engine;

namespace Gemma3Server.Api;

/// <summary>What one of several generations reports.</summary>
/// <param name="Index">Which generation, from 0.</param>
/// <param name="Event">What happened to it.</param>
internal readonly record struct IndexedEvent(int Index, GenerationEvent Event);
