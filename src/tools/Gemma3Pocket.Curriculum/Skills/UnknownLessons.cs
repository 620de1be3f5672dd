using Gemma3Pocket.Curriculum.Data;

namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>What nobody told it: the future, the user's own things, the world right now. The key is the question.</summary>
internal static class UnknownLessons
{
    private const string Answer = "I do not know.";
    private const int UntoldPercent = 12;

    // {0} a person, {1} a city, {2} a day, {3} a thing, {4} an animal
    private static readonly string[] Questions =
    [
        "What did {0} eat on {2}?", "Where is {0} now?", "Where is my {3}?", "What is the phone number of {0}?", "How old is {0}?", "Who is {0}?",
        "What will the weather be on {2}?", "How many people are in {1} now?", "Who will win the game on {2}?", "What is {0} thinking?",
        "What is the weather in {1}?", "What time is it in {1}?", "What did I do on {2}?", "Where did {0} buy the {3}?", "How much did my {3} cost?",
        "Who took my {3}?", "What does {0} want?", "When does {0} come home?", "What will happen in {1} on {2}?", "What is in the box of {0}?",
        "Which numbers will win on {2}?", "What is the name of my neighbour in {1}?", "Who called me on {2}?", "Did {0} see my {3}?",
        "How tall is {0}?", "What did {0} say on {2}?", "What is the password of {0}?", "Why did {0} go to {1}?", "What time does the bus to {1} leave?", "Is {0} in {1}?",
    ];

    /// <summary>What could have been told earlier, but was not: the contrast to <see cref="MemoryLessons"/>.</summary>
    private static readonly string[] Untold =
    [
        "What is my name?", "Where do I live?", "What is my number?", "What is my favourite colour?", "Do you know my name?", "Who am I?", "What is my code?",
        "Which city do I live in?", "What is my {4} called?", "What is the name of my {4}?", "Do you remember my name?", "Tell me my number.",
    ];

    public static LessonDraft Draw(LessonRandom random)
    {
        var untold = random.Percent(UntoldPercent);
        var question = Phrasing.Fill(
            random.Of(untold ? Untold : Questions),
            random.Of(Names.People), random.Of(Names.Cities), random.Of(WorldFacts.Days), random.Of(Words.Listed), random.Of(Names.Animals));
        return new LessonDraft($"unknown|{question}", Phrasing.Open(random, question), Answer) { IsPersonal = untold };
    }
}
