using Gemma3Pocket.Curriculum.Data;

namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>What the user told earlier is asked back, after none to two other exchanges. The key is what was told and how it is asked.</summary>
internal static class MemoryLessons
{
    private static readonly MemoryKind Name = new(
        ["My name is {0}.", "I am {0}.", "Hi, I am {0}.", "Hello, my name is {0}.", "Hi! My name is {0}."], "Nice to meet you, {0}!",
        ["What is my name?", "Do you remember my name?", "What was my name?", "Who am I?", "Tell me my name.", "Do you know my name?"], "Your name is {0}.");

    private static readonly MemoryKind Number = new(
        ["My number is {0}.", "Remember the number {0}.", "My lucky number is {0}.", "Please remember my number: {0}."], "I will remember {0}.",
        ["What is my number?", "Which number did I tell you?", "Do you remember my number?", "What was my number?", "Tell me my number."], "Your number is {0}.");

    private static readonly MemoryKind City = new(
        ["I live in {0}.", "My home is {0}.", "I am from {0}.", "My city is {0}."], "I will remember that you live in {0}.",
        ["Where do I live?", "What is my city?", "Which city do I live in?", "Do you remember where I live?", "Tell me where I live."], "You live in {0}.");

    private static readonly MemoryKind Colour = new(
        ["My favourite colour is {0}.", "I like {0} best.", "The colour I like best is {0}."], "I will remember {0}.",
        ["What is my favourite colour?", "Which colour do I like best?", "Do you remember my favourite colour?", "Tell me my favourite colour."],
        "Your favourite colour is {0}.");

    private static readonly MemoryKind Pet = new(
        ["I have a {1} called {0}.", "My {1} is called {0}.", "The name of my {1} is {0}."], "{0} is a nice name for a {1}.",
        ["What is my {1} called?", "What is the name of my {1}?", "Do you remember the name of my {1}?", "Tell me the name of my {1}."], "Your {1} is called {0}.");

    private static readonly MemoryKind Code = new(
        ["My code is {0}.", "Remember the code {0}.", "Please remember my code: {0}"], "I will remember {0}.",
        ["What is my code?", "Which code did I tell you?", "Do you remember my code?", "Tell me my code."], "Your code is {0}.");

    public static LessonDraft Draw(LessonRandom random)
    {
        if (random.Percent(25))
            return TwoThings(random);
        var (kind, value, animal) = random.Below(10) switch
        {
            < 4 => (Name, Person(random), ""),
            4 or 5 => (Number, $"{random.Below(1000)}", ""),
            6 => (City, random.Of(Names.Cities), ""),
            7 => (Colour, random.Of(Names.Colours), ""),
            8 => (Pet, random.Of(Names.Pets), random.Of(Names.Animals)),
            _ => (Code, CopyLessons.Code(random), ""),
        };
        var told = random.Of(kind.Told);
        return Make(random, kind, Phrasing.Fill(told, value, animal), Phrasing.Fill(kind.Noted, value, animal), value, animal, told);
    }

    /// <summary>Two things are told at once and one of them is asked.</summary>
    private static LessonDraft TwoThings(LessonRandom random)
    {
        var (name, city) = (Person(random), random.Of(Names.Cities));
        var template = random.Of(["My name is {0} and I live in {1}.", "I am {0} and I live in {1}.", "I am {0} from {1}."]);
        var told = Phrasing.Fill(template, name, city);
        return random.Percent(50)
            ? Make(random, Name, told, $"Nice to meet you, {name}!", name, "", template + city)
            : Make(random, City, told, $"Nice to meet you, {name}!", city, "", template + name);
    }

    private static LessonDraft Make(LessonRandom random, MemoryKind kind, string told, string noted, string value, string animal, string telling)
    {
        var asked = Phrasing.Fill(random.Of(kind.Asked), value, animal);
        return new LessonDraft($"memory|{telling}|{value}|{asked}", asked, Phrasing.Fill(kind.Answer, value, animal))
        {
            Earlier = [new LessonTurn("user", told), new LessonTurn("assistant", noted)],
            Interruptions = random.Below(3),
        };
    }

    private static string Person(LessonRandom random) =>
        random.Percent(85) ? random.Of(Names.People) : Phrasing.Capital(CopyLessons.MadeUp(random));
}
